"""Format ``dicom``: MR series sorted by their UIDs and converted, SEG lesion masks on the grid of their scan."""
