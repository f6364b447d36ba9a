/*
 * Runs a fuzz target over each file of a folder, as an ordinary test: what was found once stays
 * mended.
 */
#include <dirent.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static int replay(const char *folder, const char *name)
{
    char path[4096];
    (void)snprintf(path, sizeof path, "%s/%s", folder, name);
    FILE *file = fopen(path, "rb");
    uint8_t *data = malloc(1 << 20);
    if (!file || !data) {
        (void)fprintf(stderr, "replay: cannot read %s\n", path);
        exit(1);
    }
    size_t size = fread(data, 1, 1 << 20, file);
    (void)fclose(file);
    (void)LLVMFuzzerTestOneInput(data, size);
    free(data);
    return 1;
}

int main(int argc, char **argv)
{
    int count = 0;
    DIR *folder = argc == 2 ? opendir(argv[1]) : NULL;
    for (struct dirent *entry; folder && (entry = readdir(folder));)
        if (entry->d_name[0] != '.')
            count += replay(argv[1], entry->d_name);
    if (folder)
        (void)closedir(folder);
    (void)printf("replayed %d inputs\n", count);
    return count > 0 ? 0 : 1;
}
