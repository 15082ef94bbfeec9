"""The recipes: the folder is the theme, the file name the verb phrase."""
