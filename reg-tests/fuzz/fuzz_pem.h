// SPDX-License-Identifier: Apache-2.0
// A certificate, its issuer and its key, for fuzzers of what lies beside them. Nobody relies on any of it.
#pragma once

static const char fuzz_pem[] = "-----BEGIN CERTIFICATE-----\n"
                               "MIIBbjCCAROgAwIBAgIBTTAKBggqhkjOPQQDAjAMMQowCAYDVQQDDAFpMCAXDTI2\n"
                               "MTEyMjA1NDQ0MFoYDzIxMjYxMDI5MDU0NDQwWjARMQ8wDQYDVQQDDAZmLnRlc3Qw\n"
                               "WTATBgcqhkjOPQIBBggqhkjOPQMBBwNCAAQxezbNKtmyq/oew1QjSwjGiHr1SM6s\n"
                               "XCb5BkR4WrfDshwmzRK4TK6lOZEMZRE4L+bueHANGN2AD1H8z96Vo24fo18wXTAb\n"
                               "BgNVHREEFDASggZmLnRlc3SCCCouZi50ZXN0MB0GA1UdDgQWBBTpTSbJFMacH0DL\n"
                               "qH2tO0EOzcGIADAfBgNVHSMEGDAWgBRD2KgAaXS9i1x91om2hnouZe6IWTAKBggq\n"
                               "hkjOPQQDAgNJADBGAiEA1bZl6uO8IXS4HnOXgxizjJbYoTm1BKJ++kr8o8p2eC0C\n"
                               "IQDjB1fqL1seVs/3gAVyX1WI51Ceh1sNpQ/yDS7qjA9IVQ==\n"
                               "-----END CERTIFICATE-----\n"
                               "-----BEGIN CERTIFICATE-----\n"
                               "MIIBbzCCARWgAwIBAgIUF1AVi75S3FFE2A/ld4tC+JH7GSMwCgYIKoZIzj0EAwIw\n"
                               "DDEKMAgGA1UEAwwBaTAgFw0yNjExMjIwNTQ0NDBaGA8yMTI2MTAyOTA1NDQ0MFow\n"
                               "DDEKMAgGA1UEAwwBaTBZMBMGByqGSM49AgEGCCqGSM49AwEHA0IABM2DlTPBC8av\n"
                               "UJA5RlyZvBKjgt6j90bHYViY+stvJruFUiOZxJEsmqmwcg1qY2qxLYAsfGCi9vHw\n"
                               "z5WW1ExqEBOjUzBRMB0GA1UdDgQWBBRD2KgAaXS9i1x91om2hnouZe6IWTAfBgNV\n"
                               "HSMEGDAWgBRD2KgAaXS9i1x91om2hnouZe6IWTAPBgNVHRMBAf8EBTADAQH/MAoG\n"
                               "CCqGSM49BAMCA0gAMEUCIQCSSf94DywVDGu/Ar/YtCyWnnyzlk5K5xvHQ9p21J6r\n"
                               "wwIge5sxEm0Yzal2bFpvXPWUr0pcOMOHjL9DA7hpTsMsItQ=\n"
                               "-----END CERTIFICATE-----\n"
                               "-----BEGIN PRIVATE KEY-----\n"
                               "MIGHAgEAMBMGByqGSM49AgEGCCqGSM49AwEHBG0wawIBAQQgKmPIvNKDYRopxQ3X\n"
                               "ixsoPMFlFOqNKcLHrq0wLBdQXDyhRANCAAQxezbNKtmyq/oew1QjSwjGiHr1SM6s\n"
                               "XCb5BkR4WrfDshwmzRK4TK6lOZEMZRE4L+bueHANGN2AD1H8z96Vo24f\n"
                               "-----END PRIVATE KEY-----\n";
