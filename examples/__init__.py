"""Programs that use what the project writes; nothing in the project imports them."""
