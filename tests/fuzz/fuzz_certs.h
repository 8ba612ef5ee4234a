/* SPDX-License-Identifier: ISC */
/*
 * Owns: the fixed leaf, its issuer and the issuer's key of the fuzz targets; make_ocsp_corpus.py makes them and
 *       the corpora at once.
 * Runs in: libFuzzer.
 * Never: leaves the tests; the key is public.
 */
#ifndef STAPLEGUARD_FUZZ_CERTS_H
#define STAPLEGUARD_FUZZ_CERTS_H

#define FUZZ_NOW INT64_C(1795456892)

static const char fuzz_leaf_pem[]
    = "-----BEGIN CERTIFICATE-----\n"
      "MIIBGTCBzKADAgECAgIScDAFBgMrZXAwEjEQMA4GA1UEAwwHZnV6eiBDQTAeFw0y\n"
      "NjExMjIxODAwMzJaFw0yNzAyMjExODAwMzJaMBQxEjAQBgNVBAMMCWZ1enoudGVz\n"
      "dDAqMAUGAytlcAMhAFeNBGgcd1zNBevut1nIGgy/wvv3CZZFH11ZN9oOxF9Ro0Qw\n"
      "QjAtBggrBgEFBQcBAQQhMB8wHQYIKwYBBQUHMAGGEWh0dHA6Ly9vY3NwLnRlc3Qv\n"
      "MBEGCCsGAQUFBwEYBAUwAwIBBTAFBgMrZXADQQBXpUR09scn8NhRElENgjCoiaTj\n"
      "yojQ1C5YlmbSU8SadAjqu08BaqjSlniYq1/MpsUloywZFDQg4NsIkwBSLSoO\n"
      "-----END CERTIFICATE-----\n";

static const char fuzz_issuer_pem[]
    = "-----BEGIN CERTIFICATE-----\n"
      "MIHmMIGZoAMCAQICAhJuMAUGAytlcDASMRAwDgYDVQQDDAdmdXp6IENBMB4XDTI2\n"
      "MTEyMjE4MDAzMloXDTI3MDIyMTE4MDAzMlowEjEQMA4GA1UEAwwHZnV6eiBDQTAq\n"
      "MAUGAytlcAMhADynozCyggCwQ4DeqqZb4ZwFskqEMVfc9nrB5g7ZMPO0oxMwETAP\n"
      "BgNVHRMBAf8EBTADAQH/MAUGAytlcANBAPCf11leKW+3DF40aISboO+BHaqPsolx\n"
      "jkIVdxlp7EvUrMkdei4X9wo+OLc7Dx+cl8wlcL5DWRYb4qK2DKMSNgM=\n"
      "-----END CERTIFICATE-----\n";

static const char fuzz_issuer_key_pem[]
    = "-----BEGIN PRIVATE KEY-----\n"
      "MC4CAQAwBQYDK2VwBCIEIAAPANVHrS7rU/g4TzUfCt64tKrkBCf++vGzsi2T2HtD\n"
      "-----END PRIVATE KEY-----\n";

#endif
