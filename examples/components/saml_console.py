"""The SAML provider of the console roles, from the document that the identity provider gives for AWS."""

import pulumi

from components.base import Names, aws_provider
from components.identity.saml_console import SamlConsole, SamlConsoleArgs

METADATA = """\
<EntityDescriptor xmlns="urn:oasis:names:tc:SAML:2.0:metadata" entityID="https://login.acme.example/aws">
  <IDPSSODescriptor protocolSupportEnumeration="urn:oasis:names:tc:SAML:2.0:protocol">
    <SingleSignOnService Binding="urn:oasis:names:tc:SAML:2.0:bindings:HTTP-Redirect"
        Location="https://login.acme.example/saml"/>
  </IDPSSODescriptor>
</EntityDescriptor>
"""

names = Names("acme", "sandbox", "111122223333", "eu-central-1")
options = pulumi.ResourceOptions(providers=[aws_provider(names, "trial")])

SamlConsole("console", SamlConsoleArgs(names, METADATA), options)
