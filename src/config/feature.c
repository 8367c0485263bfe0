// SPDX-License-Identifier: Apache-2.0
#include "base/check.h"
#include "config/feature.h"

// Names as HAProxy 3.2 lists them, and our answer: whether the words behind them work here, which is why a
// configuration asks. Names it does not list are our own and come last.
static const struct {
    struct slice name;
    bool has;
} features[] = {
    { SLICE("51DEGREES"), false },
    { SLICE("ACCEPT4"), true },
    { SLICE("BACKTRACE"), false },
    { SLICE("CLOSEFROM"), false },
    { SLICE("CPU_AFFINITY"), false },
    { SLICE("CRYPT_H"), false },
    { SLICE("DEVICEATLAS"), false },
    { SLICE("DL"), false },
    { SLICE("ENGINE"), false },
    { SLICE("EPOLL"), true },
    { SLICE("EVPORTS"), false },
    { SLICE("GETADDRINFO"), true },
    { SLICE("KQUEUE"), false },
    { SLICE("LIBATOMIC"), false },
    { SLICE("LIBCRYPT"), false },
    { SLICE("LINUX_CAP"), false },
    { SLICE("LINUX_SPLICE"), true },
    { SLICE("LINUX_TPROXY"), true },
    { SLICE("LUA"), false },
    { SLICE("MATH"), false },
    { SLICE("MEMORY_PROFILING"), false },
    { SLICE("NETFILTER"), false },
    { SLICE("NS"), false },
    { SLICE("OBSOLETE_LINKER"), false },
    { SLICE("OPENSSL"), true },
    { SLICE("OPENSSL_AWSLC"), false },
    { SLICE("OPENSSL_WOLFSSL"), false },
    { SLICE("OT"), false },
    { SLICE("PCRE"), false },
    { SLICE("PCRE2"), true },
    { SLICE("PCRE2_JIT"), true },
    { SLICE("PCRE_JIT"), false },
    { SLICE("POLL"), false },
    { SLICE("PRCTL"), true },
    { SLICE("PROCCTL"), false },
    { SLICE("PROMEX"), false },
    { SLICE("PTHREAD_EMULATION"), false },
    { SLICE("QUIC"), false },
    { SLICE("QUIC_OPENSSL_COMPAT"), false },
    { SLICE("RT"), false },
    { SLICE("SHM_OPEN"), false },
    { SLICE("SLZ"), false },
    { SLICE("SSL"), true },
    { SLICE("STATIC_PCRE"), false },
    { SLICE("STATIC_PCRE2"), false },
    { SLICE("SYSTEMD"), true },
    { SLICE("TFO"), true },
    { SLICE("THREAD"), false },
    { SLICE("THREAD_DUMP"), false },
    { SLICE("TPROXY"), true },
    { SLICE("WURFL"), false },
    { SLICE("ZLIB"), false },
};

// What enabled() may ask, manual section 2.4.
static const struct {
    struct slice name;
    bool enabled;
} feature_switches[] = {
    { SLICE("POLL"), false },     { SLICE("EPOLL"), true },        { SLICE("KQUEUE"), false },
    { SLICE("EVPORTS"), false },  { SLICE("SPLICE"), true },       { SLICE("GETADDRINFO"), true },
    { SLICE("REUSEPORT"), true }, { SLICE("FAST-FORWARD"), true }, { SLICE("SERVER-SSL-VERIFY-NONE"), false },
};

bool config_feature_has(struct slice name)
{
    for (size_t i = 0; i < NUM_ITEMS(features); i++) {
        if (slice_equal(features[i].name, name))
            return features[i].has;
    }
    return false;
}

void config_feature_list(struct text *out)
{
    for (size_t i = 0; i < NUM_ITEMS(features); i++)
        text_printf(out, "%s%c%s", i ? " " : "", features[i].has ? '+' : '-', features[i].name.ptr);
}

bool config_feature_is_enabled(bool *enabled, struct slice name)
{
    for (size_t i = 0; i < NUM_ITEMS(feature_switches); i++) {
        if (slice_equal(feature_switches[i].name, name)) {
            *enabled = feature_switches[i].enabled;
            return true;
        }
    }
    return false;
}
