/* SPDX-License-Identifier: ISC */
/*
 * Owns: making a pool (bench_pool.h): one P-256 CA, P-256 leaves that share a key, an RSA-2048 delegate, a response for each leaf.
 * Runs in: scripts/bench, once for a day's runs.
 * Never: part of what is measured.
 *
 * usage: make_pool DIRECTORY COUNT URL PROCESSES
 * DIRECTORY must not hold a pool yet.  The signatures are most of the work and are shared among PROCESSES.
 */
#include <err.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/sendfile.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include <openssl/bn.h>
#include <openssl/ocsp.h>
#include <openssl/pem.h>
#include <openssl/x509v3.h>

#include "bench_pool.h"

#define HOUR 3600L
#define DAY (24 * HOUR)
#define PROCESSES_MAX 64u

static struct {
    EVP_PKEY *ca_key, *signer_key, *leaf_key;
    X509 *ca, *signer;
    const char *url;
    time_t now;
} made;

/* Every step here can only fail for want of memory or of disk. */
static void *need(void *pointer)
{
    if (pointer == NULL)
        errx(1, "libcrypto failed: no memory?");
    return pointer;
}

static void must(int is_well)
{
    if (is_well <= 0)
        errx(1, "libcrypto failed: no memory or no disk space?");
}

static void add_extension(X509 *x509, int nid, const char *value)
{
    X509V3_CTX context;
    X509_EXTENSION *extension;

    X509V3_set_ctx(&context, made.ca == NULL ? x509 : made.ca, x509, NULL, NULL, 0);
    extension = need(X509V3_EXT_conf_nid(NULL, &context, nid, value));
    must(X509_add_ext(x509, extension, -1));
    X509_EXTENSION_free(extension);
}

static X509 *begin_cert(const char *name, EVP_PKEY *key, uint64_t number)
{
    X509 *x509 = need(X509_new());
    uint8_t serial[BENCH_POOL_SERIAL_LEN];
    BIGNUM *big;

    bench_pool_serial(number, serial);
    big = need(BN_bin2bn(serial, sizeof serial, NULL));
    must(X509_set_version(x509, X509_VERSION_3));
    need(BN_to_ASN1_INTEGER(big, X509_get_serialNumber(x509)));
    BN_free(big);
    must(X509_NAME_add_entry_by_txt(X509_get_subject_name(x509), "CN", MBSTRING_UTF8, (const unsigned char *)name, -1, -1, 0));
    if (made.ca != NULL)
        must(X509_set_issuer_name(x509, X509_get_subject_name(made.ca)));
    must(X509_set_pubkey(x509, key));
    need(X509_time_adj_ex(X509_getm_notBefore(x509), -2, 0, &made.now));
    need(X509_time_adj_ex(X509_getm_notAfter(x509), 90, 0, &made.now));
    return x509;
}

static void make_authority(void)
{
    X509 *ca;

    made.ca_key = need(EVP_PKEY_Q_keygen(NULL, NULL, "EC", "P-256"));
    made.leaf_key = need(EVP_PKEY_Q_keygen(NULL, NULL, "EC", "P-256"));
    made.signer_key = need(EVP_PKEY_Q_keygen(NULL, NULL, "RSA", (size_t)2048));
    ca = begin_cert("stapleguard benchmark CA", made.ca_key, UINT64_MAX);
    must(X509_set_issuer_name(ca, X509_get_subject_name(ca)));
    add_extension(ca, NID_basic_constraints, "critical,CA:TRUE");
    add_extension(ca, NID_subject_key_identifier, "hash");
    must(X509_sign(ca, made.ca_key, EVP_sha256()));
    made.ca = ca;
    made.signer = begin_cert("stapleguard benchmark OCSP signer", made.signer_key, UINT64_MAX - 1);
    add_extension(made.signer, NID_ext_key_usage, "OCSPSigning");
    add_extension(made.signer, NID_id_pkix_OCSP_noCheck, "null");
    must(X509_sign(made.signer, made.ca_key, EVP_sha256()));
}

static X509 *make_leaf(uint64_t number)
{
    char name[64], text[1200];
    X509 *x509;

    snprintf(name, sizeof name, "site%llu.test", (unsigned long long)number);
    x509 = begin_cert(name, made.leaf_key, number);
    add_extension(x509, NID_basic_constraints, "critical,CA:FALSE");
    add_extension(x509, NID_authority_key_identifier, "keyid");
    snprintf(text, sizeof text, "DNS:%s", name);
    add_extension(x509, NID_subject_alt_name, text);
    snprintf(text, sizeof text, "OCSP;URI:%s", made.url);
    add_extension(x509, NID_info_access, text);
    must(X509_sign(x509, made.ca_key, EVP_sha256()));
    return x509;
}

/* By the delegate, whose certificate goes with it, or by the CA itself. */
static void sign_response(OCSP_BASICRESP *basic, bool by_ca)
{
    if (by_ca)
        must(OCSP_basic_sign(basic, made.ca, made.ca_key, EVP_sha256(), NULL, OCSP_RESPID_KEY | OCSP_NOCERTS));
    else
        must(OCSP_basic_sign(basic, made.signer, made.signer_key, EVP_sha256(), NULL, OCSP_RESPID_KEY));
}

/* later_sec: how much after the pool's first ones it was signed. */
static void write_response(FILE *file, X509 *leaf, long later_sec, bool by_ca)
{
    OCSP_CERTID *id = need(OCSP_cert_to_id(EVP_sha1(), leaf, made.ca));
    ASN1_TIME *this_update = need(X509_gmtime_adj(NULL, later_sec - HOUR));
    ASN1_TIME *next_update = need(X509_gmtime_adj(NULL, later_sec + 7 * DAY));
    OCSP_BASICRESP *basic = need(OCSP_BASICRESP_new());
    OCSP_RESPONSE *response;
    unsigned char *der = NULL;
    int len;
    uint32_t head;

    need(OCSP_basic_add1_status(basic, id, V_OCSP_CERTSTATUS_GOOD, 0, NULL, this_update, next_update));
    sign_response(basic, by_ca);
    response = need(OCSP_response_create(OCSP_RESPONSE_STATUS_SUCCESSFUL, basic));
    len = i2d_OCSP_RESPONSE(response, &der);
    must(len);
    head = (uint32_t)len;
    if (fwrite(&head, sizeof head, 1, file) != 1 || fwrite(der, (size_t)len, 1, file) != 1)
        err(1, "writing a response");
    OPENSSL_free(der);
    OCSP_RESPONSE_free(response);
    OCSP_BASICRESP_free(basic);
    ASN1_TIME_free(this_update);
    ASN1_TIME_free(next_update);
    OCSP_CERTID_free(id);
}

static FILE *create(const char *path)
{
    FILE *file = fopen(path, "wxe");

    if (file == NULL)
        err(1, "%s", path);
    return file;
}

static void finish(FILE *file, const char *path)
{
    if (fclose(file) != 0)
        err(1, "%s", path);
}

static void write_leaf(X509 *leaf, uint64_t number)
{
    char path[64];
    FILE *file;

    snprintf(path, sizeof path, "certs/site%llu.pem", (unsigned long long)number);
    file = create(path);
    must(PEM_write_X509(file, leaf));
    must(PEM_write_X509(file, made.ca));
    finish(file, path);
}

static void part_name(char out[32], unsigned part)
{
    snprintf(out, 32, "responses.%u", part);
}

static void write_others_of_first(X509 *leaf)
{
    FILE *newer = create("newer"), *by_ca = create("by-ca");

    for (unsigned i = 1; i <= BENCH_POOL_NEWER; i++)
        write_response(newer, leaf, 5L * i, false);
    finish(newer, "newer");
    write_response(by_ca, leaf, 0, true);
    finish(by_ca, "by-ca");
}

/* Certificates from..to and their responses. */
static void make_part(unsigned part, uint64_t from, uint64_t to)
{
    char path[32];
    FILE *file;

    part_name(path, part);
    file = create(path);
    for (uint64_t number = from; number < to; number++) {
        X509 *leaf = make_leaf(number);

        write_leaf(leaf, number);
        write_response(file, leaf, 0, false);
        if (number == 0)
            write_others_of_first(leaf);
        X509_free(leaf);
    }
    finish(file, path);
}

static void append(int out, const char *path)
{
    int in = open(path, O_RDONLY | O_CLOEXEC);
    struct stat st;

    if (in < 0 || fstat(in, &st) != 0)
        err(1, "%s", path);
    for (off_t left = st.st_size; left > 0;) {
        ssize_t sent = sendfile(out, in, NULL, (size_t)left);

        if (sent <= 0)
            err(1, "%s", path);
        left -= sent;
    }
    close(in);
    unlink(path);
}

static void make_parts(uint64_t count, unsigned processes)
{
    int status, out;

    for (unsigned part = 0; part < processes; part++) {
        pid_t pid = fork();

        if (pid < 0)
            err(1, "fork");
        if (pid == 0) {
            make_part(part, count * part / processes, count * (part + 1) / processes);
            _exit(0);
        }
    }
    for (unsigned part = 0; part < processes; part++)
        if (wait(&status) < 0 || status != 0)
            errx(1, "a process that made certificates failed");
    /* Last, so that a pool without it is one that was not finished. */
    out = open("responses.new", O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0644);
    if (out < 0)
        err(1, "responses.new");
    for (unsigned part = 0; part < processes; part++) {
        char path[32];

        part_name(path, part);
        append(out, path);
    }
    if (close(out) != 0 || rename("responses.new", "responses") != 0)
        err(1, "responses");
}

static void write_authority(void)
{
    FILE *file = create("ca.pem");

    must(PEM_write_X509(file, made.ca));
    finish(file, "ca.pem");
    file = create("leaf.key");
    must(PEM_write_PrivateKey(file, made.leaf_key, NULL, NULL, 0, NULL, NULL));
    finish(file, "leaf.key");
}

int main(int argc, char **argv)
{
    unsigned long processes;
    uint64_t count;

    if (argc != 5 || (count = strtoull(argv[2], NULL, 10)) == 0 || (processes = strtoul(argv[4], NULL, 10)) == 0
        || processes > PROCESSES_MAX) {
        fputs("usage: make_pool DIRECTORY COUNT URL PROCESSES\n", stderr);
        return 2;
    }
    made.url = argv[3];
    made.now = time(NULL);
    if (chdir(argv[1]) != 0 || mkdir("certs", 0755) != 0)
        err(1, "%s", argv[1]);
    make_authority();
    write_authority();
    make_parts(count, (unsigned)processes);
    return 0;
}
