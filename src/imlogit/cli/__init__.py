"""The command line: arguments in, tables out. What it does is done elsewhere."""
