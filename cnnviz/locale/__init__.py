"""The message catalogues: English stands in the source, the other languages here, as gettext keeps them."""
