"""A keyboard that types library cards' numbers into the librarian's own program."""
