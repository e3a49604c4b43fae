"""What Larder uses of waitress, which comes without types, as far as its subclasses leave it as it is."""
