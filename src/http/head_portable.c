// SPDX-License-Identifier: Apache-2.0
#define HTTP_LINES_NAME http_head_lines_portable
#define HTTP_LINES_SCAN portable
#define HTTP_LINES_TARGET
#include "http/head_lines.h"
