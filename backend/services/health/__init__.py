"""What an operator asks: is it ready, what is wrong, what does it measure."""
