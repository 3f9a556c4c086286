"""Format ``bids``: a data set in the Brain Imaging Data Structure, raw images and derivatives with lesion masks."""
