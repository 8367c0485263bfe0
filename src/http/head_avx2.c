// SPDX-License-Identifier: Apache-2.0
#include "http/scan.h"

#if HTTP_SCAN_X86
#define HTTP_LINES_NAME   http_head_lines_avx2
#define HTTP_LINES_SCAN   avx2
#define HTTP_LINES_TARGET HTTP_SCAN_AVX2_TARGET
#include "http/head_lines.h"
#endif
