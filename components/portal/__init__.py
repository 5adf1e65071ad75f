"""The portal: the web application, and the function that completes an onboarding."""
