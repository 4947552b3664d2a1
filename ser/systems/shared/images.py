"""What a network trained on ImageNet expects of an image: red, green and blue in [0, 1], normalised."""

# torchvision's: what is subtracted, and what the difference is divided by; red, green, blue.
MEAN = (0.485, 0.456, 0.406)
DEVIATION = (0.229, 0.224, 0.225)
