"""The portal: the people's web application and the function that ends an onboarding."""
