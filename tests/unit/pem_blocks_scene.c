/* SPDX-License-Identifier: ISC */
#include "pem_blocks_scene.h"

#include <errno.h>
#include <fcntl.h>
#include <malloc.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "pem/pem_blocks.h"

/* A certificate, its private key, its CA: made for this test alone, used nowhere. */
const char pem_blocks_scene_leaf_pem[]
    = "-----BEGIN CERTIFICATE-----\n"
      "MIIBJTCBzAIUR26HLm7KHZP3p2KAA3O2Bk1WH6owCgYIKoZIzj0EAwIwEjEQMA4G\n"
      "A1UEAwwHVGVzdCBDQTAgFw0yNjExMjMxNzM0MTNaGA8yMTI2MTAzMDE3MzQxM1ow\n"
      "FzEVMBMGA1UEAwwMbGVhZi5leGFtcGxlMFkwEwYHKoZIzj0CAQYIKoZIzj0DAQcD\n"
      "QgAEIl5QxKRagT6f3gUEft5HG6EVIivpjOrtTzvwelDpfmCnSVpYm3dXLdGFq8fK\n"
      "8OjYZ0mgh5okDROyEh8jqav6dzAKBggqhkjOPQQDAgNIADBFAiEA+rB/EqQgFlfB\n"
      "bJlUiTvPvYnWtDt0Sp2bTfvnedtFw2ECIFppXl2oaddCDu41fiY8ZbEKAkOBOsGS\n"
      "zXvovn+7ir66\n"
      "-----END CERTIFICATE-----\n";

const char pem_blocks_scene_key_pem[]
    = "-----BEGIN PRIVATE KEY-----\n"
      "MIGHAgEAMBMGByqGSM49AgEGCCqGSM49AwEHBG0wawIBAQQgzBHPmW6/Kf10f7N3\n"
      "V1CYvoYyxspAuTsuoaqpwScYsqOhRANCAAQiXlDEpFqBPp/eBQR+3kcboRUiK+mM\n"
      "6u1PO/B6UOl+YKdJWlibd1ct0YWrx8rw6NhnSaCHmiQNE7ISHyOpq/p3\n"
      "-----END PRIVATE KEY-----\n";

const char pem_blocks_scene_ca_pem[]
    = "-----BEGIN CERTIFICATE-----\n"
      "MIIBejCCASGgAwIBAgIUa+DnxldWMfpsSlMn4kwR2BVFXicwCgYIKoZIzj0EAwIw\n"
      "EjEQMA4GA1UEAwwHVGVzdCBDQTAgFw0yNjExMjMxNzM0MTNaGA8yMTI2MTAzMDE3\n"
      "MzQxM1owEjEQMA4GA1UEAwwHVGVzdCBDQTBZMBMGByqGSM49AgEGCCqGSM49AwEH\n"
      "A0IABIZ8ThjTluExI/n9G61MxbHSuwjoSwoY3twwljZQNfL7sMLOnDpLcAtrIQ+q\n"
      "nFzwW2YUG7Zn+udLFpckPM48SBujUzBRMB0GA1UdDgQWBBTOHSFl/eY2jipjrqqv\n"
      "/8aMJUnqxTAfBgNVHSMEGDAWgBTOHSFl/eY2jipjrqqv/8aMJUnqxTAPBgNVHRMB\n"
      "Af8EBTADAQH/MAoGCCqGSM49BAMCA0cAMEQCIELHoUV11TY3tthkGBnlAsrqL4oa\n"
      "+yzGhV61eq18EvswAiAGgwoATvxhbBGIjl0XExfw6AdsViSP9Mqrdwg7WkAKgg==\n"
      "-----END CERTIFICATE-----\n";

/* The leaf as OpenSSL writes it with -trustout. */
const char pem_blocks_scene_trusted_pem[]
    = "-----BEGIN TRUSTED CERTIFICATE-----\n"
      "MIIBJTCBzAIUR26HLm7KHZP3p2KAA3O2Bk1WH6owCgYIKoZIzj0EAwIwEjEQMA4G\n"
      "A1UEAwwHVGVzdCBDQTAgFw0yNjExMjMxNzM0MTNaGA8yMTI2MTAzMDE3MzQxM1ow\n"
      "FzEVMBMGA1UEAwwMbGVhZi5leGFtcGxlMFkwEwYHKoZIzj0CAQYIKoZIzj0DAQcD\n"
      "QgAEIl5QxKRagT6f3gUEft5HG6EVIivpjOrtTzvwelDpfmCnSVpYm3dXLdGFq8fK\n"
      "8OjYZ0mgh5okDROyEh8jqav6dzAKBggqhkjOPQQDAgNIADBFAiEA+rB/EqQgFlfB\n"
      "bJlUiTvPvYnWtDt0Sp2bTfvnedtFw2ECIFppXl2oaddCDu41fiY8ZbEKAkOBOsGS\n"
      "zXvovn+7ir66MAwwCgYIKwYBBQUHAwE=\n"
      "-----END TRUSTED CERTIFICATE-----\n";

const char *pem_blocks_scene_key_base64(void)
{
    static char text[sizeof pem_blocks_scene_key_pem];
    size_t len = 0;

    for (const char *p = strstr(pem_blocks_scene_key_pem, SECRET_START); *p != '-'; p++)
        if (*p != '\n')
            text[len++] = *p;
    text[len] = '\0';
    return text;
}

bool pem_blocks_scene_holds_key_run(const char *data, size_t len)
{
    const char *key = pem_blocks_scene_key_base64();

    for (size_t i = 0; i + KEY_RUN <= strlen(key); i++)
        if (memmem(data, len, key + i, KEY_RUN) != NULL)
            return true;
    return false;
}

/*
 * pem_blocks_read gives its raw buffer back through here (linked with --wrap=free): was it wiped?  Volatile, because a
 * compiler knows that the real free does not look at them.
 */
volatile bool pem_blocks_scene_is_free_watched;

volatile unsigned pem_blocks_scene_freed_with_key;

void __real_free(void *p);

void __wrap_free(void *p);

void __wrap_free(void *p)
{
    if (pem_blocks_scene_is_free_watched && p != NULL) {
        pem_blocks_scene_is_free_watched = false;
        if (pem_blocks_scene_holds_key_run(p, malloc_usable_size(p)))
            pem_blocks_scene_freed_with_key++;
        pem_blocks_scene_is_free_watched = true;
    }
    __real_free(p);
}

char *pem_blocks_scene_join(const char *a, const char *b, const char *c)
{
    char *text = NULL;

    assert_true(asprintf(&text, "%s%s%s", a, b, c) > 0);
    return text;
}
