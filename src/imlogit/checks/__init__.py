"""What makes a figure wrong before anyone believes it: one function a check, one table of them."""
