"""Activity: the strip of six fields, NEDA and the response scores at one year. What is not known stays unknown."""
