// SPDX-License-Identifier: Apache-2.0
#include "http/scan.h"

#define IS_DIGIT(c)      ((c) >= '0' && (c) <= '9')
#define IS_ALPHA(c)      (((c) | 0x20) >= 'a' && ((c) | 0x20) <= 'z')
#define IS_UNRESERVED(c) (IS_ALPHA(c) || IS_DIGIT(c) || (c) == '-' || (c) == '.' || (c) == '_' || (c) == '~')
#define IS_SHARED(c)     /* sub-delims that are tchars too */                                                          \
    ((c) == '!' || (c) == '$' || (c) == '&' || (c) == '\'' || (c) == '*' || (c) == '+')
#define IS_TOKEN(c)                                                                                                    \
    (IS_UNRESERVED(c) || IS_SHARED(c) || (c) == '#' || (c) == '%' || (c) == '^' || (c) == '`' || (c) == '|')
#define IS_HOST(c)                                                                                                     \
    (IS_UNRESERVED(c) || IS_SHARED(c) || (c) == '(' || (c) == ')' || (c) == ',' || (c) == ';' || (c) == '=')
#define IS_TARGET(c) ((c) > 0x20 && (c) < 0x7f && (c) != '#')
#define IS_VALUE(c)  ((c) == '\t' || ((c) >= 0x20 && (c) != 0x7f))
#define IS_HEX(c)    (IS_DIGIT(c) || (((c) | 0x20) >= 'a' && ((c) | 0x20) <= 'f'))

#define CLASS(c)                                                                                                       \
    ((IS_TOKEN(c) ? HTTP_CLASS_TOKEN : 0) | (IS_TARGET(c) ? HTTP_CLASS_TARGET : 0) |                                   \
     (IS_VALUE(c) ? HTTP_CLASS_VALUE : 0) | (IS_HOST(c) ? HTTP_CLASS_HOST : 0) | (IS_HEX(c) ? HTTP_CLASS_HEX : 0))
#define CLASS_4(c)  CLASS(c), CLASS((c) + 1), CLASS((c) + 2), CLASS((c) + 3)
#define CLASS_16(c) CLASS_4(c), CLASS_4((c) + 4), CLASS_4((c) + 8), CLASS_4((c) + 12)
#define CLASS_64(c) CLASS_16(c), CLASS_16((c) + 16), CLASS_16((c) + 32), CLASS_16((c) + 48)

const uint8_t http_class[256] = { CLASS_64(0), CLASS_64(64), CLASS_64(128), CLASS_64(192) };
