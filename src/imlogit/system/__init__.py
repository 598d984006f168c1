"""What the machine gives: files written whole, threads, optional libraries, printable text."""
