"""File formats read by hand, since what strangers wrote in them is not to be trusted."""
