/* SPDX-License-Identifier: MIT
 *
 * Community IDs against the published vectors, both directions.
 */
#include "analyzer/model/community_id.h"

#include <criterion/criterion.h>
#include <netinet/in.h>

static void expect(int family, const char *a, unsigned a_port, const char *b, unsigned b_port, int protocol,
                   const char *id)
{
    struct address one, two;
    char out[COMMUNITY_ID_MAX];
    cr_assert(address_parse(&one, (unsigned)family, a, a_port));
    cr_assert(address_parse(&two, (unsigned)family, b, b_port));
    cr_expect_str_eq(community_id(&one, &two, protocol, out), id);
    cr_expect_str_eq(community_id(&two, &one, protocol, out), id);
}

Test(community_id, published_vectors)
{
    expect(AF_INET, "128.232.110.120", 34855, "66.35.250.204", 80, IPPROTO_TCP, "1:LQU9qZlK+B5F3KDmev6m5PMibrg=");
    expect(AF_INET, "192.168.1.52", 54585, "8.8.8.8", 53, IPPROTO_UDP, "1:d/FP5EW3wiY1vCndhwleRRKHowQ=");
}

Test(community_id, mptcp_is_tcp_on_the_wire)
{
    expect(AF_INET, "128.232.110.120", 34855, "66.35.250.204", 80, IPPROTO_MPTCP, "1:LQU9qZlK+B5F3KDmev6m5PMibrg=");
}

Test(community_id, none_without_both_ends)
{
    struct address one, unknown = {.family = 0}, path;
    char out[COMMUNITY_ID_MAX];
    cr_assert(address_parse(&one, AF_INET, "10.0.0.1", 1));
    cr_assert(address_parse(&path, AF_UNIX, "/x", 0));
    cr_expect_null(community_id(&one, &unknown, IPPROTO_TCP, out));
    cr_expect_null(community_id(&path, &path, 0, out));
}
