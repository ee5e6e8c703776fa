"""What is declared: one noun a file, in the order of Google's tutorial. How it is done is in imagesearch/."""
