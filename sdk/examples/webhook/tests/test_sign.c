/* SPDX-License-Identifier: MIT */
/* The signature, against one that another program made:
 *     printf '1790000000.{"a":1}' | openssl dgst -sha256 -hmac 'a secret of sixteen' */
#include <sign.h>

#include "check.h"

#include <string.h>

int main(void)
{
    char out[SIGN_BYTES];

    sign("a secret of sixteen", 1790000000, CHATD_STR("{\"a\":1}"), out);
    CHECK(strcmp(
              out,
              "t=1790000000,v1=1537f3ffc7f94e434cc7b831a3fae9807051731464f9ee916641f473e4a4227f") ==
          0);
    sign("a secret of sixteen", INT64_MAX, CHATD_STR(""), out);
    CHECK(strlen(out) == strlen("t=9223372036854775807,v1=") + 64);
    return 0;
}
