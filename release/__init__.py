"""What a release needs beside the code: licences of its dependencies, bill of materials, signed archive."""
