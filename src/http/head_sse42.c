// SPDX-License-Identifier: Apache-2.0
#include "http/scan.h"

#if HTTP_SCAN_X86
#define HTTP_LINES_NAME   http_head_lines_sse42
#define HTTP_LINES_SCAN   sse42
#define HTTP_LINES_TARGET HTTP_SCAN_SSE42_TARGET
#include "http/head_lines.h"
#endif
