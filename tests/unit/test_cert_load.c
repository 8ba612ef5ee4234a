/* SPDX-License-Identifier: ISC */
/*
 * Owns: proof of a certificate's first state: may a response be asked for (PARITY P8, P9), and of reading the memfd.
 * Runs in: unit tests.
 * Never: asks the clock.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include <cmocka.h>

#include "cert/cert_load.h"
#include "ocsp_world.h"
#include "text/text.h"

struct loaded {
    enum cert_state state;
    enum reason reason;
    struct cert cert;
    char detail[DETAIL_MAX + 1];
};

static struct loaded load_fd(int fd, const char *responder, int64_t now)
{
    struct msg_cert_add add = {.leaf_blocks = 1};
    struct loaded loaded;

    memset(&loaded, 0xa5, sizeof loaded);
    text_clean_copy(add.responder, sizeof add.responder, responder, strlen(responder));
    loaded.state = cert_load(fd, &add, now, the_world.table, &loaded.cert, &loaded.reason, loaded.detail);
    assert_true(text_is_clean(loaded.detail, strnlen(loaded.detail, sizeof loaded.detail)));
    return loaded;
}

static int memfd_of(const char *text, size_t len)
{
    int fd = memfd_create("test", MFD_CLOEXEC);

    assert_true(fd >= 0);
    assert_int_equal(write(fd, text, len), (ssize_t)len);
    return fd;
}

static void assert_load(const char *pem, const char *responder, int64_t now, enum cert_state state, enum reason reason)
{
    int fd = memfd_of(pem, strlen(pem));
    struct loaded loaded = load_fd(fd, responder, now);

    close(fd);
    assert_string_equal(cert_state_word(loaded.state), cert_state_word(state));
    assert_string_equal(reason_word(loaded.reason), reason_word(reason));
    cert_clear(&loaded.cert);
}

static const char *pem_with(const char *name, const char *value, X509 *issuer)
{
    const struct pki_cert spec = world_leaf_spec(name, value);

    return pki_pem((X509 *[]){pki_cert(&spec), issuer, NULL});
}

/* Fetcher and writer read the same open file: neither may move the other's place in it. */
static void test_reads_from_the_start_and_leaves_the_offset(void **state)
{
    const char *pem = pki_pem((X509 *[]){the_world.leaf, the_world.issuer, NULL});
    int fd = memfd_of(pem, strlen(pem));
    off_t offset = lseek(fd, 0, SEEK_CUR);

    (void)state;
    for (unsigned i = 0; i < 2; i++) {
        struct loaded loaded = load_fd(fd, "", WORLD_NOW);

        assert_int_equal(loaded.state, CERT_STATE_MISSING);
        assert_int_equal(loaded.reason, REASON_NONE);
        assert_memory_equal(loaded.cert.sha256, the_world.cert.sha256, 32);
        assert_ptr_equal(loaded.cert.issuer, the_world.cert.issuer);
        assert_int_equal(lseek(fd, 0, SEEK_CUR), offset);
        cert_clear(&loaded.cert);
    }
    close(fd);
}

static void test_bad_descriptors(void **state)
{
    struct loaded loaded = load_fd(-1, "", WORLD_NOW);
    char *text = pki_room(CERT_PEM_MAX + 1);
    int fd;

    (void)state;
    assert_int_equal(loaded.state, CERT_STATE_UNUSABLE);
    assert_int_equal(loaded.reason, REASON_INTERNAL);
    cert_clear(&loaded.cert);
    memset(text, '\n', CERT_PEM_MAX + 1);
    fd = memfd_of(text, CERT_PEM_MAX);
    loaded = load_fd(fd, "", WORLD_NOW);
    assert_int_equal(loaded.reason, REASON_NO_CERTIFICATE);
    close(fd);
    fd = memfd_of(text, CERT_PEM_MAX + 1);
    loaded = load_fd(fd, "", WORLD_NOW);
    assert_int_equal(loaded.state, CERT_STATE_UNUSABLE);
    assert_int_equal(loaded.reason, REASON_FILE_TOO_LARGE);
    close(fd);
}

/* PARITY P8: no request for an expired certificate; nothing could be stapled in its last second either. */
static void test_expired(void **state)
{
    const char *pem = pki_pem((X509 *[]){the_world.leaf, the_world.issuer, NULL});
    int fd = memfd_of(pem, strlen(pem));
    struct loaded loaded = load_fd(fd, "", the_world.cert.not_after);

    (void)state;
    assert_int_equal(loaded.state, CERT_STATE_EXPIRED);
    assert_int_equal(loaded.reason, REASON_CERT_EXPIRED);
    assert_string_equal(loaded.detail, "CN=shop.test ended at 2026-03-23T03:04:05Z");
    assert_memory_equal(loaded.cert.sha256, the_world.cert.sha256, 32);
    cert_clear(&loaded.cert);
    close(fd);
    assert_load(pem, "", the_world.cert.not_after - 1, CERT_STATE_MISSING, REASON_NONE);
    assert_load(pem, "http://r/", the_world.cert.not_after, CERT_STATE_EXPIRED, REASON_CERT_EXPIRED);
    /* whatever else is wrong with it */
    assert_load(pki_pem((X509 *[]){the_world.leaf, NULL}), "", the_world.cert.not_after, CERT_STATE_EXPIRED, REASON_CERT_EXPIRED);
    assert_load(pem_with("basicConstraints", "CA:FALSE", NULL), "", WORLD_NOW + DAY, CERT_STATE_EXPIRED, REASON_CERT_EXPIRED);
}

/* PARITY P9: quiet without a responder, unusable for what somebody should mend. */
static void test_states(void **state)
{
    (void)state;
    assert_load(pem_with("basicConstraints", "CA:FALSE", the_world.issuer), "", WORLD_NOW, CERT_STATE_NO_OCSP, REASON_NO_OCSP);
    assert_load(pem_with("basicConstraints", "CA:FALSE", NULL), "", WORLD_NOW, CERT_STATE_NO_OCSP, REASON_NO_OCSP);
    assert_load(pem_with("authorityInfoAccess", "OCSP;URI:ldap://r/", the_world.issuer), "", WORLD_NOW, CERT_STATE_UNUSABLE,
        REASON_NO_USABLE_URL);
    assert_load(
        pem_with("authorityInfoAccess", "OCSP;URI:http://r/", NULL), "", WORLD_NOW, CERT_STATE_UNUSABLE, REASON_NO_ISSUER);
    assert_load(
        pem_with("authorityInfoAccess", "DER:0401", the_world.issuer), "", WORLD_NOW, CERT_STATE_UNUSABLE, REASON_CERT_MALFORMED);
    assert_load("", "", WORLD_NOW, CERT_STATE_UNUSABLE, REASON_NO_CERTIFICATE);
}

static void test_configured_responder(void **state)
{
    const char *pem = pem_with("authorityInfoAccess", "OCSP;URI:http://a/,OCSP;URI:http://b/", the_world.issuer);
    int fd = memfd_of(pem, strlen(pem));
    struct loaded loaded = load_fd(fd, "http://mine/", WORLD_NOW);

    (void)state;
    close(fd);
    assert_int_equal(loaded.state, CERT_STATE_MISSING);
    assert_int_equal(loaded.cert.url_count, 1);
    assert_string_equal(loaded.cert.urls[0], "http://mine/");
    cert_clear(&loaded.cert);
    assert_load(
        pem_with("basicConstraints", "CA:FALSE", the_world.issuer), "http://mine/", WORLD_NOW, CERT_STATE_MISSING, REASON_NONE);
    assert_load(pem_with("authorityInfoAccess", "OCSP;URI:ldap://r/", the_world.issuer), "http://mine/", WORLD_NOW,
        CERT_STATE_MISSING, REASON_NONE);
    assert_load(pem_with("basicConstraints", "CA:FALSE", NULL), "http://mine/", WORLD_NOW, CERT_STATE_UNUSABLE, REASON_NO_ISSUER);
    assert_load(pem, "ldap://mine/", WORLD_NOW, CERT_STATE_UNUSABLE, REASON_URL_MALFORMED);
    assert_load("", "http://mine/", WORLD_NOW, CERT_STATE_UNUSABLE, REASON_NO_CERTIFICATE);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_reads_from_the_start_and_leaves_the_offset),
        cmocka_unit_test(test_bad_descriptors),
        cmocka_unit_test(test_expired),
        cmocka_unit_test(test_states),
        cmocka_unit_test(test_configured_responder),
    };

    return cmocka_run_group_tests(tests, the_world_begin, the_world_end);
}
