"""Words and numbers in the language that is spoken; catalogues lie in ``locale``."""
