"""Folders of images, on disk and in archives."""
