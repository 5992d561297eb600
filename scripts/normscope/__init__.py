"""What the scripts of normscope share; a module imports only from floors below it."""
