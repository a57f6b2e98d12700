"""Where the files of runs are kept: a folder, or an object store that several machines share."""
