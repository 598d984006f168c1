"""What is drawn: figures and sheets of images."""
