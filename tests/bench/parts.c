/* SPDX-License-Identifier: ISC */
/*
 * Owns: what cannot be saved when a certificate's staple is fetched, measured piece by piece in one process.
 * Runs in: the benchmark.
 * Never: does anything in parallel, so that its CPU time is that of the pieces alone.
 *
 * usage: parts POOL COUNT STORE-DIRECTORY HASH-FILE
 * For certificates 0 to COUNT - 1, by plain libraries: one exchange by libcurl on a kept-alive connection; one verification
 * of a response by OpenSSL's OCSP_basic_verify (of the first PLAIN_MAX); one put into a transactional store (parts_db.h);
 * one record of a hash file. Besides: the same verification by common/ocsp, which remembers a signer for its issuer; reading
 * a certificate's file; and one RSA-2048 and one P-256 signature checked.
 * Prints one JSON object: microseconds of CPU and of time for each certificate.
 */
#include <curl/curl.h>
#include <err.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <time.h>

#include <openssl/evp.h>
#include <openssl/ocsp.h>
#include <openssl/pem.h>

#include "cert/cert.h"
#include "http/ocsp_request.h"
#include "ocsp/ocsp_verify.h"
#include "parts_db.h"

/* As the writer batches offers at most (writer/intake.h). */
#define BATCH 64u
#define FILE_LEN_MAX 16384u
/* Plain verifications that are measured at most: each takes several times as long as ours. */
#define PLAIN_MAX 2000u

static struct {
    const char *pool;
    struct bench_pool_file responses;
    struct cert *certs;
    uint32_t count;
    int64_t now;
    uint8_t body[STAPLE_DER_MAX];
    size_t body_len;
} self;

struct moment {
    int64_t cpu_usec;
    int64_t usec;
};

static struct moment now(void)
{
    struct rusage used;
    struct timespec at;

    getrusage(RUSAGE_SELF, &used);
    clock_gettime(CLOCK_MONOTONIC, &at);
    return (struct moment){
        (used.ru_utime.tv_sec + used.ru_stime.tv_sec) * INT64_C(1000000) + used.ru_utime.tv_usec + used.ru_stime.tv_usec,
        at.tv_sec * INT64_C(1000000) + at.tv_nsec / 1000,
    };
}

static void show(const char *name, struct moment since, uint32_t count)
{
    struct moment at = now();

    printf("\"%s\": {\"cpu_usec\": %.2f, \"usec\": %.2f}, ", name, (double)(at.cpu_usec - since.cpu_usec) / count,
        (double)(at.usec - since.usec) / count);
}

static void read_cert(uint32_t number, struct issuer_table *issuers)
{
    char path[4096], pem[FILE_LEN_MAX], detail[DETAIL_MAX + 1];
    size_t len;
    FILE *file;

    snprintf(path, sizeof path, "%s/certs/site%u.pem", self.pool, number);
    file = fopen(path, "re");
    if (file == NULL)
        err(1, "%s", path);
    len = fread(pem, 1, sizeof pem, file);
    fclose(file);
    if (cert_parse(pem, len, CERT_BLOCKS_MAX, issuers, &self.certs[number], detail) != REASON_NONE)
        errx(1, "%s: %s", path, detail);
}

static void read_certs(void)
{
    struct issuer_table *issuers = issuer_table_new();

    self.certs = calloc(self.count, sizeof *self.certs);
    if (issuers == NULL || self.certs == NULL)
        errx(1, "no memory");
    for (uint32_t i = 0; i < self.count; i++)
        read_cert(i, issuers);
}

static size_t take_body(char *data, size_t size, size_t count, void *unused)
{
    size_t len = size * count;

    (void)unused;
    if (len > sizeof self.body - self.body_len)
        return 0;
    memcpy(self.body + self.body_len, data, len);
    self.body_len += len;
    return len;
}

static void exchange(CURL *easy, uint32_t number)
{
    const struct cert *cert = &self.certs[number];
    const struct bench_pool_response *expected = &self.responses.items[number];
    uint8_t der[REQUEST_DER_MAX];
    char url[GET_URL_MAX + 1];
    size_t len;
    CURLcode code;

    if (!request_encode(cert, der, &len) || !request_get_url(cert->urls[0], der, len, url))
        errx(1, "no request for certificate %u", number);
    self.body_len = 0;
    curl_easy_setopt(easy, CURLOPT_URL, url);
    code = curl_easy_perform(easy);
    if (code != CURLE_OK)
        errx(1, "%s: %s", url, curl_easy_strerror(code));
    /* Certificate 0 may have one of its newer ones by now. */
    if (number > 0 && (self.body_len != expected->len || memcmp(self.body, expected->der, expected->len) != 0))
        errx(1, "%s: not the response that is in the pool", url);
}

static void exchange_all(void)
{
    struct curl_slist *headers = curl_slist_append(NULL, "Accept: application/ocsp-response");
    CURL *easy = curl_easy_init();

    curl_easy_setopt(easy, CURLOPT_HTTPHEADER, headers);
    curl_easy_setopt(easy, CURLOPT_WRITEFUNCTION, take_body);
    curl_easy_setopt(easy, CURLOPT_PROXY, "");
    curl_easy_setopt(easy, CURLOPT_NOSIGNAL, 1L);
    for (uint32_t i = 0; i < self.count; i++)
        exchange(easy, i);
    curl_easy_cleanup(easy);
    curl_slist_free_all(headers);
}

static void verify_all(void)
{
    const struct ocsp_policy policy = {.safety_margin_sec = 30 * 3600, .min_ttl_sec = 3600};

    for (uint32_t i = 0; i < self.count; i++) {
        const struct bench_pool_response *response = &self.responses.items[i];
        struct ocsp_verdict verdict;

        ocsp_verify(response->der, response->len, &self.certs[i], &policy, self.now, &verdict);
        if (verdict.status != OCSP_STATUS_GOOD)
            errx(1, "certificate %u: %s", i, verdict.detail);
    }
}

static X509 *read_authority(void)
{
    char path[4096];
    X509 *authority;
    FILE *file;

    snprintf(path, sizeof path, "%s/ca.pem", self.pool);
    file = fopen(path, "re");
    if (file == NULL || (authority = PEM_read_X509(file, NULL, NULL, NULL)) == NULL)
        errx(1, "%s: no certificate", path);
    fclose(file);
    return authority;
}

static bool verify_plain(const struct bench_pool_response *response, STACK_OF(X509) *authorities, X509_STORE *store)
{
    const unsigned char *at = response->der;
    OCSP_RESPONSE *parsed = d2i_OCSP_RESPONSE(NULL, &at, (long)response->len);
    OCSP_BASICRESP *basic = OCSP_response_get1_basic(parsed);
    ASN1_GENERALIZEDTIME *this_update, *next_update;
    OCSP_SINGLERESP *single = OCSP_resp_get0(basic, 0);
    bool is_good = OCSP_basic_verify(basic, authorities, store, 0) == 1
        && OCSP_single_get0_status(single, NULL, NULL, &this_update, &next_update) == V_OCSP_CERTSTATUS_GOOD
        && OCSP_check_validity(this_update, next_update, 300, -1) == 1;

    OCSP_BASICRESP_free(basic);
    OCSP_RESPONSE_free(parsed);
    return is_good;
}

/* As whoever has OpenSSL alone does it: each response with its signer's certificate, from nothing.  The first `count`. */
static void verify_plain_all(uint32_t count)
{
    X509 *authority = read_authority();
    STACK_OF(X509) *authorities = sk_X509_new_null();
    X509_STORE *store = X509_STORE_new();

    if (sk_X509_push(authorities, authority) != 1 || X509_STORE_add_cert(store, authority) != 1)
        errx(1, "no memory");
    for (uint32_t i = 0; i < count; i++)
        if (!verify_plain(&self.responses.items[i], authorities, store))
            errx(1, "certificate %u: OpenSSL refuses its response", i);
    X509_STORE_free(store);
    sk_X509_free(authorities);
    X509_free(authority);
}

/* One kind of signature, over 1 KB. */
static void check_signatures(const char *name, EVP_PKEY *key)
{
    enum { TIMES = 1000 };
    static const uint8_t text[1024];
    uint8_t signature[512];
    size_t len = sizeof signature;
    EVP_MD_CTX *context = EVP_MD_CTX_new();
    struct moment since;

    if (EVP_DigestSignInit(context, NULL, EVP_sha256(), NULL, key) != 1
        || EVP_DigestSign(context, signature, &len, text, sizeof text) != 1)
        errx(1, "%s: no signature", name);
    since = now();
    for (int i = 0; i < TIMES; i++) {
        EVP_MD_CTX_reset(context);
        if (EVP_DigestVerifyInit(context, NULL, EVP_sha256(), NULL, key) != 1
            || EVP_DigestVerify(context, signature, len, text, sizeof text) != 1)
            errx(1, "%s: wrong signature", name);
    }
    show(name, since, TIMES);
    EVP_MD_CTX_free(context);
    EVP_PKEY_free(key);
}

int main(int argc, char **argv)
{
    struct moment since;
    uint32_t plain_count;

    if (argc != 5 || (self.count = (uint32_t)strtoul(argv[2], NULL, 10)) == 0) {
        fputs("usage: parts POOL COUNT STORE-DIRECTORY HASH-FILE\n", stderr);
        return 2;
    }
    self.pool = argv[1];
    self.now = time(NULL);
    bench_pool_open(self.pool, "responses", &self.responses);
    if (self.count > self.responses.count)
        errx(1, "%s: %zu certificates only", self.pool, self.responses.count);
    plain_count = self.count < PLAIN_MAX ? self.count : PLAIN_MAX;
    curl_global_init(CURL_GLOBAL_DEFAULT);
    printf("{");
    since = now();
    read_certs();
    show("read", since, self.count);
    since = now();
    exchange_all();
    show("exchange", since, self.count);
    since = now();
    verify_all();
    show("verify", since, self.count);
    since = now();
    verify_plain_all(plain_count);
    show("verify_plain", since, plain_count);
    since = now();
    parts_db_store(argv[3], &self.responses, self.count, BATCH);
    show("store", since, self.count);
    since = now();
    parts_db_hash_file(argv[4], &self.responses, self.count);
    show("record", since, self.count);
    check_signatures("rsa", EVP_PKEY_Q_keygen(NULL, NULL, "RSA", (size_t)2048));
    check_signatures("ecdsa", EVP_PKEY_Q_keygen(NULL, NULL, "EC", "P-256"));
    printf("\"count\": %u}\n", self.count);
    return 0;
}
