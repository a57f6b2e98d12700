"""Changes of a text that may mend what is wrong with it; :mod:`cnnviz.own.changes` tries them."""
