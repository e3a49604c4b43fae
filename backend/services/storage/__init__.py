"""How rows are kept and asked for, whatever they are about."""
