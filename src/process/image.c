// SPDX-License-Identifier: Apache-2.0
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <unistd.h>
#include "base/check.h"
#include "image.h"

#define IMAGE_VARIABLE "FAIRLEAD_IMAGE"

static const char *const order_words[] = { [IMAGE_CHECK] = "check", [IMAGE_GO_ON] = "go-on", [IMAGE_BACK] = "back" };

static const char self_path[] = "/proc/self/exe";

static bool file_look(struct image_file *file, const char *path)
{
    struct stat st;
    if (stat(path, &st) < 0)
        return false;
    if (!S_ISREG(st.st_mode)) {
        errno = S_ISDIR(st.st_mode) ? EISDIR : EACCES;
        return false;
    }
    *file = (struct image_file){ .device = st.st_dev,
                                 .inode = st.st_ino,
                                 .len = (uint64_t)st.st_size,
                                 .changed_s = st.st_mtim.tv_sec,
                                 .changed_ns = st.st_mtim.tv_nsec };
    return true;
}

bool image_file_same(const struct image_file *a, const struct image_file *b)
{
    return memcmp(a, b, sizeof(*a)) == 0;
}

static void *keep(void *memory, size_t len)
{
    if (!memory)
        check_out_of_memory(len);
    return memory;
}

static char *text_copy(const char *text)
{
    return keep(strdup(text), strlen(text) + 1);
}

static size_t strings_count(char *const *strings)
{
    size_t num = 0;
    while (strings[num])
        num++;
    return num;
}

static char **strings_copy(char *const *strings)
{
    size_t num = strings_count(strings);
    char **copy = keep(calloc(num + 1, sizeof(*copy)), (num + 1) * sizeof(*copy));
    for (size_t i = 0; i < num; i++)
        copy[i] = text_copy(strings[i]);
    return copy;
}

static void strings_free(char **strings)
{
    for (size_t i = 0; strings && strings[i]; i++)
        free(strings[i]);
    free(strings);
}

// A path that holds whatever directory the process goes to, if it leads to the file that runs.
static char *path_try(const char *directory, size_t directory_len, const char *name, const struct image_file *runs)
{
    char here[PATH_MAX] = "";
    char path[PATH_MAX];
    struct image_file found;
    bool relative = directory_len == 0 ? name[0] != '/' : directory[0] != '/';
    if (relative && !getcwd(here, sizeof(here)))
        return NULL;
    int len = snprintf(path, sizeof(path), "%s%s%.*s%s%s", here, relative ? "/" : "", (int)directory_len,
                       directory ? directory : "", directory_len ? "/" : "", name);
    if (len < 0 || (size_t)len >= sizeof(path) || !file_look(&found, path) || !image_file_same(&found, runs))
        return NULL;
    return text_copy(path);
}

static char *path_search(const char *name, const struct image_file *runs)
{
    const char *path = getenv("PATH");
    for (const char *at = path; at;) {
        size_t len = strcspn(at, ":");
        char *found = len ? path_try(at, len, name, runs) : path_try(".", 1, name, runs);
        if (found)
            return found;
        at = at[len] ? at + len + 1 : NULL;
    }
    return NULL;
}

static char *path_of_link(void)
{
    char path[PATH_MAX];
    ssize_t len = readlink(self_path, path, sizeof(path) - 1);
    if (len <= 0)
        return NULL;
    path[len] = '\0';
    return text_copy(path);
}

static void file_find(struct image *image)
{
    const char *name = image->argv[0] ? image->argv[0] : "";
    if (!file_look(&image->file, self_path))
        return;
    image->path = strchr(name, '/') ? path_try(NULL, 0, name, &image->file) : path_search(name, &image->file);
    if (!image->path)
        image->path = path_of_link();
}

static void order_take(struct image *image)
{
    const char *text = getenv(IMAGE_VARIABLE);
    char word[8] = "";
    int pid = 0;
    if (text && sscanf(text, "%7s %d %d %d", word, &pid, &image->state_fd, &image->other_fd) == 4) {
        for (enum image_order order = IMAGE_CHECK; order <= IMAGE_BACK; order++)
            // Whoever inherited the variable by mistake is not meant.
            if (strcmp(word, order_words[order]) == 0 && pid == (int)(order == IMAGE_CHECK ? getppid() : getpid()))
                image->order = order;
    }
    unsetenv(IMAGE_VARIABLE);
}

void image_init(struct image *image, char *const *argv)
{
    *image = (struct image){ .state_fd = -1, .other_fd = -1 };
    order_take(image);
    image->argv = strings_copy(argv);
    image->environment = strings_copy(environ);
    file_find(image);
    // It was executed by a descriptor, whose number would be its name.
    if (image->order == IMAGE_BACK && image->argv[0]) {
        const char *slash = strrchr(image->argv[0], '/');
        prctl(PR_SET_NAME, slash ? slash + 1 : image->argv[0]);
    }
}

void image_fini(struct image *image)
{
    free(image->path);
    strings_free(image->argv);
    strings_free(image->environment);
    *image = (struct image){ .state_fd = -1, .other_fd = -1 };
}

bool image_file_look(const struct image *image, struct image_file *file)
{
    errno = ENOENT;
    return image->path && file_look(file, image->path);
}

static void execute(const struct image *image, enum image_order order, char *const *argv, char *const *environment)
{
    if (order == IMAGE_BACK)
        execveat(image->other_fd, "", argv, environment, AT_EMPTY_PATH);
    else
        execve(image->path, argv, environment);
}

void image_execute(const struct image *image, enum image_order order, int state_fd, int answer_fd)
{
    char variable[64];
    char check[] = "-c";
    size_t num_args = strings_count(image->argv);
    size_t num = strings_count(image->environment);
    char **argv = calloc(num_args + 2, sizeof(*argv));
    char **environment = calloc(num + 2, sizeof(*environment));
    // The way back, should what is at the path now turn out not to be able to go on.
    int self_fd = order == IMAGE_GO_ON ? open(self_path, O_PATH) : -1;
    if (argv && environment && num_args) {
        size_t more = order == IMAGE_CHECK ? 1 : 0;
        snprintf(variable, sizeof(variable), IMAGE_VARIABLE "=%s %d %d %d", order_words[order],
                 (int)(more ? getppid() : getpid()), state_fd, more ? answer_fd : self_fd);
        memcpy(environment, image->environment, num * sizeof(*environment));
        environment[num] = variable;
        argv[0] = image->argv[0];
        if (more)
            argv[1] = check;
        memcpy(argv + 1 + more, image->argv + 1, (num_args - 1) * sizeof(*argv));
        execute(image, order, argv, environment);
    } else {
        errno = ENOMEM;
    }
    int saved = errno;
    if (self_fd >= 0)
        close(self_fd);
    free(argv);
    free(environment);
    errno = saved;
}
