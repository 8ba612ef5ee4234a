/* SPDX-License-Identifier: ISC */
#include "http/address.h"

#include <arpa/inet.h>
#include <stdio.h>
#include <string.h>

struct address_range {
    uint8_t octets[16];
    uint8_t prefix_len; /* bits */
    enum address_kind kind;
};

/* RFC 6890 2.2.2 unless another is named.  The first that holds the address decides. */
static const struct address_range ranges4[] = {
    {{0}, 8, ADDRESS_UNSPECIFIED},                                      /* "this host on this network" */
    {{10}, 8, ADDRESS_PRIVATE},                                         /* RFC 1918 */
    {{100, 64}, 10, ADDRESS_PRIVATE},                                   /* shared address space, RFC 6598 */
    {{127}, 8, ADDRESS_LOOPBACK}, {{169, 254}, 16, ADDRESS_LINK_LOCAL}, /* RFC 3927; cloud metadata services live here */
    {{172, 16}, 12, ADDRESS_PRIVATE},                                   /* RFC 1918 */
    {{192, 168}, 16, ADDRESS_PRIVATE},                                  /* RFC 1918 */
    {{224}, 4, ADDRESS_MULTICAST},                                      /* RFC 5771 */
    {{255, 255, 255, 255}, 32, ADDRESS_BROADCAST},                      /* limited broadcast, RFC 919 */
    {{240}, 4, ADDRESS_PRIVATE}, /* reserved, RFC 1112; some large networks use it inside */
};

/* RFC 6890 2.2.3 unless another is named. */
static const struct address_range ranges6[] = {
    {{0}, 128, ADDRESS_UNSPECIFIED}, {{[15] = 1}, 128, ADDRESS_LOOPBACK},
    {{0xfc}, 7, ADDRESS_PRIVATE},           /* unique local, RFC 4193 */
    {{0xfe, 0x80}, 10, ADDRESS_LINK_LOCAL}, /* RFC 4291 2.5.6 */
    {{0xfe, 0xc0}, 10, ADDRESS_PRIVATE},    /* site-local, ended by RFC 3879 but still routed inside */
    {{0xff}, 8, ADDRESS_MULTICAST},         /* RFC 4291 2.7 */
};

/* IPv6 addresses that carry an IPv4 address, and where in them. */
struct embedding {
    uint8_t octets[16];
    uint8_t prefix_len;
    uint8_t at;
};

static const struct embedding embeddings[] = {
    {{[10] = 0xff, [11] = 0xff}, 96, 12},     /* IPv4-mapped, RFC 4291 2.5.5.2: the kernel connects to the IPv4 address */
    {{0x00, 0x64, 0xff, 0x9b}, 96, 12},       /* NAT64, RFC 6052 2.1 */
    {{0x00, 0x64, 0xff, 0x9b, 0, 1}, 48, 12}, /* a network's own NAT64, RFC 8215, in its usual /96 form */
    {{0x20, 0x02}, 16, 2},                    /* 6to4, RFC 3056 */
    {{0}, 96, 12},                            /* IPv4-compatible, RFC 4291 2.5.5.1; after :: and ::1 were told apart */
};

static bool has_prefix(const uint8_t *octets, const uint8_t *prefix, unsigned prefix_len)
{
    unsigned whole = prefix_len / 8;
    unsigned rest = prefix_len % 8;

    if (memcmp(octets, prefix, whole) != 0)
        return false;
    return rest == 0 || ((octets[whole] ^ prefix[whole]) >> (8 - rest)) == 0;
}

static enum address_kind find_kind(const uint8_t *octets, const struct address_range *ranges, size_t count)
{
    for (size_t i = 0; i < count; i++)
        if (has_prefix(octets, ranges[i].octets, ranges[i].prefix_len))
            return ranges[i].kind;
    return ADDRESS_GLOBAL;
}

static enum address_kind kind4(const uint8_t *octets)
{
    return find_kind(octets, ranges4, sizeof ranges4 / sizeof ranges4[0]);
}

static enum address_kind kind6(const uint8_t *octets)
{
    enum address_kind kind = find_kind(octets, ranges6, sizeof ranges6 / sizeof ranges6[0]);

    if (kind != ADDRESS_GLOBAL)
        return kind;
    for (size_t i = 0; i < sizeof embeddings / sizeof embeddings[0]; i++)
        if (has_prefix(octets, embeddings[i].octets, embeddings[i].prefix_len))
            return kind4(octets + embeddings[i].at);
    return ADDRESS_GLOBAL;
}

enum address_kind address_kind(const struct address *address)
{
    if (address->family == AF_INET)
        return kind4(address->octets);
    return address->family == AF_INET6 ? kind6(address->octets) : ADDRESS_OTHER_FAMILY;
}

bool address_is_allowed(const struct address *address, const struct address_policy *policy)
{
    switch (address_kind(address)) {
    case ADDRESS_GLOBAL:
        return true;
    case ADDRESS_PRIVATE:
        return policy->is_private_allowed;
    case ADDRESS_LOOPBACK:
        return policy->is_loopback_allowed;
    case ADDRESS_UNSPECIFIED:
    case ADDRESS_LINK_LOCAL:
    case ADDRESS_MULTICAST:
    case ADDRESS_BROADCAST:
    case ADDRESS_OTHER_FAMILY:
        break;
    }
    return false;
}

const char *address_kind_text(enum address_kind kind)
{
    switch (kind) {
    case ADDRESS_GLOBAL:
        return "global";
    case ADDRESS_PRIVATE:
        return "private (see allow_private)";
    case ADDRESS_LOOPBACK:
        return "loopback (see allow_loopback)";
    case ADDRESS_UNSPECIFIED:
        return "unspecified";
    case ADDRESS_LINK_LOCAL:
        return "link-local";
    case ADDRESS_MULTICAST:
        return "multicast";
    case ADDRESS_BROADCAST:
        return "broadcast";
    case ADDRESS_OTHER_FAMILY:
        break;
    }
    return "neither IPv4 nor IPv6";
}

void address_of_sockaddr(const struct sockaddr *sockaddr, socklen_t len, struct address *out)
{
    struct sockaddr_in in;
    struct sockaddr_in6 in6;

    memset(out, 0, sizeof *out);
    if (sockaddr->sa_family == AF_INET && len >= sizeof in) {
        memcpy(&in, sockaddr, sizeof in);
        out->family = AF_INET;
        memcpy(out->octets, &in.sin_addr, 4);
    } else if (sockaddr->sa_family == AF_INET6 && len >= sizeof in6) {
        memcpy(&in6, sockaddr, sizeof in6);
        out->family = AF_INET6;
        memcpy(out->octets, &in6.sin6_addr, 16);
    }
}

bool address_parse(const char *text, struct address *out)
{
    memset(out, 0, sizeof *out);
    if (inet_pton(AF_INET, text, out->octets) == 1)
        out->family = AF_INET;
    else if (inet_pton(AF_INET6, text, out->octets) == 1)
        out->family = AF_INET6;
    return out->family != 0;
}

void address_format(const struct address *address, bool is_bracketed, char out[ADDRESS_TEXT_LEN])
{
    char text[INET6_ADDRSTRLEN] = "";
    bool has_brackets = is_bracketed && address->family == AF_INET6;

    if (inet_ntop(address->family, address->octets, text, sizeof text) == NULL)
        text[0] = '\0';
    snprintf(out, ADDRESS_TEXT_LEN, "%s%s%s", has_brackets ? "[" : "", text, has_brackets ? "]" : "");
}
