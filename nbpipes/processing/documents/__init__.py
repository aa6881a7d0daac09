"""Pages as models of documents read them: an image, and words with the boxes where they stand."""
