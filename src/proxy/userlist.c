// SPDX-License-Identifier: Apache-2.0
#include <crypt.h>
#include <openssl/hmac.h>
#include <openssl/mem.h>
#include <openssl/rand.h>
#include <stdlib.h>
#include "base/clock.h"
#include "proxy/userlist.h"

enum {
    SETS = 256,
    WAYS = 4,
    KEY_LEN = 32,
    TAG_LEN = 16,
    PASSWORD_MAX = 1024, // longer ones are wrong
    // At most a quarter of a worker's time goes into hashes, after a burst of half a second.
    BURST_US = 500000,
    SHARE = 4,
};

struct result {
    uint8_t tag[TAG_LEN];
    const struct userlist_user *user; // NULL: nothing is remembered here
    bool right;
};

struct userlist_checks {
    uint8_t key[KEY_LEN];
    struct result results[SETS][WAYS];
    uint8_t oldest[SETS];
    uint64_t last_us; // when `left_us` was true
    int64_t left_us;
    struct crypt_data crypt;
};

struct userlist_checks *userlist_checks_new(void)
{
    struct userlist_checks *checks = calloc(1, sizeof(*checks));
    if (!checks)
        return NULL;
    RAND_bytes(checks->key, sizeof(checks->key));
    checks->left_us = BURST_US;
    return checks;
}

void userlist_checks_free(struct userlist_checks *checks)
{
    if (checks)
        OPENSSL_cleanse(checks, sizeof(*checks));
    free(checks);
}

static int compare(struct slice a, struct slice b)
{
    int order = memcmp(a.ptr, b.ptr, a.len < b.len ? a.len : b.len);
    return order ? order : (a.len > b.len) - (a.len < b.len);
}

static const struct userlist_user *find_user(const struct userlist *list, struct slice name)
{
    uint32_t low = 0, high = list->num_users;
    while (low < high) {
        uint32_t middle = low + (high - low) / 2;
        int order = compare(list->sorted[middle]->name, name);
        if (order == 0)
            return list->sorted[middle];
        if (order < 0)
            low = middle + 1;
        else
            high = middle;
    }
    return NULL;
}

// The user's place in memory stands for list and name.
static bool make_tag(const struct userlist_checks *checks, uint8_t tag[32], const struct userlist_user *user,
                     struct slice password)
{
    uint8_t text[sizeof(user) + PASSWORD_MAX];
    unsigned len;
    memcpy(text, &user, sizeof(user));
    memcpy(text + sizeof(user), password.ptr, password.len);
    bool ok = HMAC(EVP_sha256(), checks->key, sizeof(checks->key), text, sizeof(user) + password.len, tag, &len);
    OPENSSL_cleanse(text, sizeof(text));
    return ok;
}

static bool is_password(struct userlist_checks *checks, const struct userlist_user *user, struct slice password)
{
    char text[PASSWORD_MAX + 1];
    memcpy(text, password.ptr, password.len);
    text[password.len] = '\0';
    const char *hash = crypt_r(text, user->password, &checks->crypt);
    size_t len = strlen(user->password);
    bool right = hash && hash[0] != '*' && strlen(hash) == len && CRYPTO_memcmp(hash, user->password, len) == 0;
    OPENSSL_cleanse(text, sizeof(text));
    OPENSSL_cleanse(&checks->crypt, sizeof(checks->crypt));
    return right;
}

// may_hash says whether there is time left for a hash.
static bool may_hash(struct userlist_checks *checks, uint64_t now_us)
{
    uint64_t passed = now_us - checks->last_us;
    checks->last_us = now_us;
    checks->left_us += (int64_t)(passed / SHARE);
    if (checks->left_us > BURST_US)
        checks->left_us = BURST_US;
    return checks->left_us > 0;
}

static bool check_hash(struct userlist_checks *checks, const struct userlist_user *user, struct slice password,
                       uint64_t now_us)
{
    uint8_t tag[32];
    if (!make_tag(checks, tag, user, password))
        return false;
    unsigned set = tag[31] % SETS;
    for (unsigned way = 0; way < WAYS; way++) {
        const struct result *known = &checks->results[set][way];
        if (known->user == user && CRYPTO_memcmp(known->tag, tag, TAG_LEN) == 0)
            return known->right;
    }
    if (!may_hash(checks, now_us))
        return false;
    uint64_t start_us = clock_mono_us();
    bool right = is_password(checks, user, password);
    checks->left_us -= (int64_t)(clock_mono_us() - start_us);
    // Wrong guesses do not push out what is right while there is another place.
    unsigned way = checks->oldest[set]++ % WAYS;
    if (!right && checks->results[set][way].right)
        way = (way + 1) % WAYS;
    struct result *result = &checks->results[set][way];
    *result = (struct result){ .user = user, .right = right };
    memcpy(result->tag, tag, TAG_LEN);
    return right;
}

const struct userlist_user *userlist_check(struct userlist_checks *checks, const struct userlist *list,
                                           struct slice name, struct slice password, uint64_t now_us)
{
    const struct userlist_user *user = name.len ? find_user(list, name) : NULL;
    bool right = false;
    if (!user || !user->password || password.len > PASSWORD_MAX || slice_find(password, '\0') != password.len)
        return NULL;
    if (user->insecure) {
        struct slice own = slice_str(user->password);
        right = own.len == password.len && CRYPTO_memcmp(own.ptr, password.ptr, own.len) == 0;
    } else if (checks) {
        right = check_hash(checks, user, password, now_us);
    }
    return right ? user : NULL;
}
