/* SPDX-License-Identifier: ISC */
#include "cert/keyless.h"

#include <openssl/core_dispatch.h>
#include <openssl/crypto.h>

#define NAME "digests"

/* OpenSSL's own provider: what is computed here, it computes. */
static OSSL_PROVIDER *default_provider;

static const OSSL_ALGORITHM *query_operation(void *provider_context, int operation, int *no_cache)
{
    (void)provider_context;
    *no_cache = 0;
    return operation == OSSL_OP_DIGEST ? OSSL_PROVIDER_query_operation(default_provider, operation, no_cache) : NULL;
}

static int provider_init(
    const OSSL_CORE_HANDLE *handle, const OSSL_DISPATCH *in, const OSSL_DISPATCH **out, void **provider_context)
{
    static const OSSL_DISPATCH functions[] = {
        {OSSL_FUNC_PROVIDER_QUERY_OPERATION, (void (*)(void))query_operation},
        {0, NULL},
    };

    (void)handle;
    (void)in;
    *out = functions;
    *provider_context = OSSL_PROVIDER_get0_provider_ctx(default_provider);
    return 1;
}

bool keyless_begin(struct keyless *keyless)
{
    *keyless = (struct keyless){0};
    if (default_provider == NULL)
        default_provider = OSSL_PROVIDER_try_load(NULL, "default", 1);
    if (default_provider == NULL)
        return false;
    keyless->context = OSSL_LIB_CTX_new();
    /* One that is loaded keeps OpenSSL from loading its own. */
    if (keyless->context != NULL && OSSL_PROVIDER_add_builtin(keyless->context, NAME, provider_init) == 1)
        keyless->provider = OSSL_PROVIDER_load(keyless->context, NAME);
    if (keyless->provider != NULL)
        return true;
    keyless_end(keyless);
    return false;
}

void keyless_end(struct keyless *keyless)
{
    if (keyless->provider != NULL)
        OSSL_PROVIDER_unload(keyless->provider);
    OSSL_LIB_CTX_free(keyless->context);
    *keyless = (struct keyless){0};
}
