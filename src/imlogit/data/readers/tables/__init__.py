"""Tables in text with a row an image: what their columns are, and what their rows hold."""
