/* SPDX-License-Identifier: ISC */
#include "cert/delegates.h"

#include <string.h>

static void forget(struct delegate *delegate)
{
    X509_free(delegate->x509);
    OPENSSL_free(delegate->der);
    *delegate = (struct delegate){0};
}

void delegates_clear(struct delegates *delegates)
{
    for (size_t i = 0; i < DELEGATES_KEPT; i++)
        forget(&delegates->kept[i]);
    delegates->next = 0;
}

X509 *delegates_find(const struct delegates *delegates, const uint8_t *der, size_t der_len)
{
    for (size_t i = 0; i < DELEGATES_KEPT; i++) {
        const struct delegate *delegate = &delegates->kept[i];

        if (delegate->x509 != NULL && delegate->der_len == der_len && memcmp(delegate->der, der, der_len) == 0)
            return X509_up_ref(delegate->x509) == 1 ? delegate->x509 : NULL;
    }
    return NULL;
}

bool delegates_has(const struct delegates *delegates, const X509 *x509)
{
    for (size_t i = 0; i < DELEGATES_KEPT; i++)
        if (x509 != NULL && delegates->kept[i].x509 == x509)
            return true;
    return false;
}

void delegates_keep(struct delegates *delegates, X509 *x509)
{
    struct delegate *delegate = &delegates->kept[delegates->next];
    unsigned char *der = NULL;
    int der_len = i2d_X509(x509, &der);

    if (der_len <= 0 || X509_up_ref(x509) != 1) {
        OPENSSL_free(der);
        return;
    }
    forget(delegate);
    *delegate = (struct delegate){.x509 = x509, .der = der, .der_len = (size_t)der_len};
    delegates->next = (delegates->next + 1) % DELEGATES_KEPT;
}
