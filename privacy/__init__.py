"""Three verbs: what may leave (`conceal`), what goes back (`dress`), what is kept (`keep`)."""
