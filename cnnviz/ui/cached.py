"""All cached calls of the core, three lines each.

Keys are plain values: an architecture's key, a checkpoint's id and SHA-256, an image's bytes. What is
cached holds numbers, never sentences, so that one entry serves every language. Models are shared by
all sessions and are never changed.
"""
