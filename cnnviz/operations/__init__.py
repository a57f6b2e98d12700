"""Operations: everything that cnnviz knows about each of them, a file for each family."""
