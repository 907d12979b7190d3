/* SPDX-License-Identifier: MIT
 *
 * Members put into a line are, byte for byte, what cJSON prints of those put into a tree; in a row each is a cell.
 */
#include "analyzer/trace/members.h"

#include "analyzer/trace/address.h"

#include <arpa/inet.h>
#include <criterion/criterion.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

static const char *const texts[] = {
    NULL,       "",       "plain", "a\"b", "a\\b", "tab\there", "line\nend", "\x01\x1f", "\x7f", "gr\xc3\xbc\xc3\x9f",
    "\xff\xfe", "/ path",
};
static const int64_t numbers[] = {0, 1, 9, 10, -1, 9007199254740993, INT64_MAX, INT64_MIN};

static void put_all(struct members *to)
{
    members_open(to, "nothing", '[');
    members_close(to);
    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++) {
        members_bytes(to, "bytes", texts[i]);
        members_word(to, "word", i < 3 ? texts[i] : "ipv4");
        if (i < 10) /* the others are no UTF-8: text is */
            members_text(to, "text", texts[i]);
    }
    members_open(to, "outer", '{');
    members_open(to, "list", '[');
    for (size_t i = 0; i < sizeof numbers / sizeof *numbers; i++) {
        members_integer(to, NULL, true, numbers[i]);
        members_open(to, NULL, '{');
        members_integer(to, "known", true, numbers[i]);
        members_integer(to, "unknown", false, numbers[i]);
        members_cookie(to, "cookie", (uint64_t)numbers[i]);
        members_close(to);
    }
    members_close(to);
    members_open(to, "empty", '{');
    members_close(to);
    members_close(to);
    members_open(to, "words", '[');
    members_word(to, NULL, "one");
    members_word(to, NULL, NULL);
    members_text(to, NULL, "t\two");
    members_unsigned(to, NULL, UINT64_MAX);
    members_escaped(to, NULL, "a\0b\\", 4);
    members_close(to);
    members_boolean(to, "true", true);
    members_boolean(to, "false", false);
    members_unsigned(to, "zero", 0);
    members_escaped(to, "none", "", 0);
    members_escaped(to, "part", "plain", 3);
    members_hex(to, "hex", "\0\xff\x10", 3);
    members_hex(to, "no hex", "", 0);
    members_word(to, "unknown", NULL);
    members_word(to, "last", "one");
}

Test(members, line_is_what_the_tree_prints)
{
    struct members tree, line = {0};
    cJSON *object = cJSON_CreateObject();
    members_tree(&tree, object);
    put_all(&tree);
    char *expected = cJSON_PrintUnformatted(object), *written = NULL;
    size_t size;
    FILE *out = open_memstream(&written, &size);
    for (int i = 0; i < 2; i++) { /* the second in the first one's memory */
        rewind(out);
        members_line(&line);
        put_all(&line);
        cr_assert(members_print(&line, out));
        fflush(out);
        cr_assert_eq(size, strlen(expected) + 1);
        cr_assert_arr_eq(written, expected, strlen(expected));
        cr_assert_eq(written[size - 1], '\n');
    }
    fclose(out);
    free(written);
    cJSON_free(expected);
    cJSON_Delete(object);
    members_free(&line);
}

Test(members, rows_have_a_cell_for_each)
{
    static const char expected[] =
        "7,,\"\",plain,\"a,b\",\"say \"\"x\"\"\",a\\\\b,word,ff,[],\"[{\"\"k\"\":null},-1]\",1,,,,[2]\r\n";
    struct members row = {0};
    char *written = NULL;
    size_t size;
    FILE *out = open_memstream(&written, &size);
    members_row(&row);
    members_integer(&row, "known", true, 7);
    members_integer(&row, "unknown", false, 7);
    members_text(&row, "empty", "");
    members_text(&row, "plain", "plain");
    members_text(&row, "comma", "a,b");
    members_text(&row, "quote", "say \"x\"");
    members_bytes(&row, "backslash", "a\\b");
    members_word(&row, "word", "word");
    members_cookie(&row, "cookie", 255);
    members_open(&row, "nothing", '[');
    members_close(&row);
    members_open(&row, "list", '[');
    members_open(&row, NULL, '{');
    members_text(&row, "k", NULL);
    members_close(&row);
    members_integer(&row, NULL, true, -1);
    members_close(&row);
    members_open(&row, "object", '{');
    members_integer(&row, "member", true, 1);
    members_close(&row);
    members_nothing(&row, "absent", 2);
    members_text(&row, "null", NULL);
    members_open(&row, "last", '[');
    members_integer(&row, NULL, true, 2);
    members_close(&row);
    cr_assert(members_print(&row, out));
    fclose(out);
    cr_assert_str_eq(written, expected);
    free(written);
    members_free(&row);
}

/* What stands for a number asked for with this key, and whether it was put anew. */
static bool put_kept(struct members *to, uint64_t number, size_t words)
{
    const uint64_t key[MEMBERS_KEY_WORDS + 1] = {1, number};
    if (members_again(to, key, words))
        return false;
    members_integer(to, "number", true, (int64_t)number);
    members_text(to, "text", "a\"b");
    members_keep(to);
    return true;
}

static void check_kept(bool cells, const char *expected)
{
    static struct members out; /* its memory outlives a line */
    char *written = NULL;
    size_t size;
    FILE *file = open_memstream(&written, &size);
    bool first = !out.text.text;
    (cells ? members_row : members_line)(&out);
    cr_expect_eq(put_kept(&out, 7, 2), cells || first);
    cr_expect(!put_kept(&out, 7, 2));
    for (uint64_t other = 8; other < 2000; other++)
        put_kept(&out, other, 2);
    cr_expect(put_kept(&out, 9, MEMBERS_KEY_WORDS + 1));
    cr_expect(put_kept(&out, 9, MEMBERS_KEY_WORDS + 1));
    cr_expect(members_print(&out, file));
    fclose(file);
    cr_expect(strncmp(written, expected, strlen(expected)) == 0, "%.100s", written);
    char number[32];
    const char *at = written;
    for (unsigned each = 8; each < 2000 && at; each++) {
        snprintf(number, sizeof number, cells ? ",%u,\"a\"\"b\"," : ",\"number\":%u,\"text\":\"a", each);
        at = strstr(at, number);
        cr_expect_not_null(at, "%u", each);
    }
    free(written);
    if (cells)
        members_free(&out);
}

Test(members, what_was_put_is_put_again)
{
    check_kept(false, "{\"number\":7,\"text\":\"a\\\"b\",\"number\":7,\"text\":\"a\\\"b\",\"number\":8,");
    check_kept(true, "7,\"a\"\"b\",7,\"a\"\"b\",8,");
}

Test(members, ipv4_addresses_are_as_inet_ntop_has_them)
{
    static const unsigned char each[] = {0, 1, 9, 10, 42, 99, 100, 101, 199, 200, 255};
    for (size_t i = 0; i < sizeof each; i++) {
        struct address address = {.family = AF_INET, .size = 4};
        const unsigned char bytes[4] = {each[i], each[(i + 3) % sizeof each], each[(i + 5) % sizeof each],
                                        each[(i * 7) % sizeof each]};
        char ours[ADDRESS_TEXT_MAX], theirs[INET_ADDRSTRLEN];
        memcpy(address.bytes, bytes, sizeof bytes);
        cr_assert_str_eq(address_text(&address, ours), inet_ntop(AF_INET, bytes, theirs, sizeof theirs));
    }
}
