/*
 * authority.h - an authority and its revocation list, for the harness of CMS signatures; those of
 * tests/unit/test_cms.c.
 */
#ifndef SU_FUZZ_AUTHORITY_H
#define SU_FUZZ_AUTHORITY_H

static const char ca_pem[] = "-----BEGIN CERTIFICATE-----\n"
                             "MIIBoTCCASegAwIBAgIUZZXwDwXNTpWQRcrniPMK7aPhVbowCgYIKoZIzj0EAwMw\n"
                             "DzENMAsGA1UEAwwEUm9vdDAgFw0yNjExMjMwMjI4MzJaGA8yMTI2MTAzMDAyMjgz\n"
                             "MlowDzENMAsGA1UEAwwEUm9vdDB2MBAGByqGSM49AgEGBSuBBAAiA2IABHqK9a2A\n"
                             "g+VaCKKxyMXF0eIIoiuil60FXvY8qVyqEqIQaVibHHu9K2bH7c3yND6mrn6y5Jjk\n"
                             "1wNSFXARUY/Os2oBXttqI7dgINdMe3Bg7pQirhZRe9eJuZWz8fR63nj/sKNCMEAw\n"
                             "DwYDVR0TAQH/BAUwAwEB/zAOBgNVHQ8BAf8EBAMCAQYwHQYDVR0OBBYEFDM6Wd/W\n"
                             "9nLHTEaTAvJv8NGdIc2qMAoGCCqGSM49BAMDA2gAMGUCMBNTJKni28BIyhnkC6yW\n"
                             "IIUD0t14YyVlAMueVXrtly0Fb3O76qvHmluUHWxFW7kaYQIxAMa09OjEbcBjZhUb\n"
                             "5uLHPPeSqTVzce7I8Z5Ll+yKh1S926y9P0dCUPQED9LTTLbyAw==\n"
                             "-----END CERTIFICATE-----\n";

static const char crl_1[] = "-----BEGIN X509 CRL-----\n"
                            "MIHGME4CAQEwCgYIKoZIzj0EAwMwDzENMAsGA1UEAwwEUm9vdBcNMjYwMTAxMDAw\n"
                            "MDAwWhcNMzYwMTAxMDAwMDAwWqAOMAwwCgYDVR0UBAMCAQEwCgYIKoZIzj0EAwMD\n"
                            "aAAwZQIxAIIWiE8mwP0QpIg3wTK52FwSEmELp30GFr2cGwDKVRC8yPfRMZr6BRcj\n"
                            "mNlIp1dDWgIwSbs4ha9jzSMZGrnjRRAD5tJWWqE6nisfeJdu04WJE0cOOVx/we5L\n"
                            "oBTclVZnFnPb\n"
                            "-----END X509 CRL-----\n";

static const char crl_2[] = "-----BEGIN X509 CRL-----\n"
                            "MIHcMGQCAQEwCgYIKoZIzj0EAwMwDzENMAsGA1UEAwwEUm9vdBcNMjYwMjAxMDAw\n"
                            "MDAwWhcNMzYwMTAxMDAwMDAwWjAUMBICAQEXDTI2MTEyMzAyMzE0MVqgDjAMMAoG\n"
                            "A1UdFAQDAgEDMAoGCCqGSM49BAMDA2gAMGUCMACRvg93rgASLmK2e24DjlTQMayS\n"
                            "+k6mSxbh+OqYzznec8L9z1rH346SAtO9cMPLjgIxAJfZ+2bDd/uNqgRlPIpmmuwZ\n"
                            "SZZN9hqugutUODo8SgZcUzggpN6BghievgYYkEsfeQ==\n"
                            "-----END X509 CRL-----\n";

#endif
