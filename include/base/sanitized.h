// SPDX-License-Identifier: Apache-2.0
// Whether this build is one with AddressSanitizer, as gcc and clang each say it. Whoever brings a heap, catches faults
// or filters system calls asks here, for the sanitizer does all of that its own way. It never changes what is served.
#pragma once

#if defined(__SANITIZE_ADDRESS__)
#define BASE_SANITIZED 1
#elif defined(__has_feature)
#if __has_feature(address_sanitizer)
#define BASE_SANITIZED 1
#endif
#endif
#ifndef BASE_SANITIZED
#define BASE_SANITIZED 0
#endif
