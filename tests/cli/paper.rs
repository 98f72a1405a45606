//! Pages as they come out of a printer: by Chromium and poppler's tools.

use std::path::{Path, PathBuf};
use std::process::{Command, Output};

/// A printed page, or several.
pub struct Print {
    pdf: PathBuf,
    _folder: tempfile::TempDir,
}

/// A part of a page, in millimetres from its upper left corner.
pub struct Area {
    pub left: u32,
    pub top: u32,
    pub width: u32,
    pub height: u32,
}

/// Dots per inch that areas are counted in: so many that a millimetre is ten of them.
const DPI: u32 = 254;

fn run(command: &mut Command) -> Output {
    let output = command
        .output()
        .unwrap_or_else(|error| panic!("{command:?}: {error}; tests/run installs it"));
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{command:?}: {said}");
    output
}

/// Prints an HTML file.
pub fn print(page: &Path) -> Print {
    let folder = tempfile::tempdir().unwrap();
    let pdf = folder.path().join("page.pdf");
    run(Command::new("chromium")
        .args([
            "--headless",
            "--no-sandbox",
            "--disable-gpu",
            "--no-first-run",
        ])
        .args(["--disable-background-networking", "--no-pdf-header-footer"])
        .arg(format!("--user-data-dir={}", folder.path().display()))
        .arg(format!("--print-to-pdf={}", pdf.display()))
        .arg(page));
    Print {
        pdf,
        _folder: folder,
    }
}

impl Print {
    /// How many pages, all of them A4.
    pub fn a4_pages(&self) -> usize {
        let said = run(Command::new("pdfinfo").arg(&self.pdf)).stdout;
        let said = String::from_utf8(said).unwrap();
        let field = |name: &str| {
            let mut lines = said.lines();
            let line = lines.find_map(|line| line.strip_prefix(name));
            line.unwrap_or_else(|| panic!("{name} in {said}")).trim()
        };
        assert!(field("Page size:").ends_with("(A4)"), "{said}");
        field("Pages:").parse().unwrap()
    }

    /// The words on all pages.
    pub fn text(&self) -> String {
        self.words(&[])
    }

    /// The words within an area of the first page.
    pub fn text_in(&self, area: &Area) -> String {
        let dots = |mm: u32| (mm * DPI / 254 * 10).to_string();
        let [x, y, w, h] = [area.left, area.top, area.width, area.height].map(dots);
        let dpi = DPI.to_string();
        self.words(&[
            "-l", "1", "-r", &dpi, "-x", &x, "-y", &y, "-W", &w, "-H", &h,
        ])
    }

    fn words(&self, options: &[&str]) -> String {
        let mut command = Command::new("pdftotext");
        command.args(options).args(["-layout", "-nopgbrk"]);
        let said = run(command.arg(&self.pdf).arg("-")).stdout;
        let text = String::from_utf8(said).unwrap();
        text.split_whitespace().collect::<Vec<_>>().join(" ")
    }
}

/// Where the packages of `tests/notice_pages/package.json` are.
pub fn modules() -> PathBuf {
    let modules = Path::new(env!("CARGO_TARGET_TMPDIR")).with_file_name("notice-pages");
    assert!(
        modules.join("node_modules").is_dir(),
        "{} has no packages; `tests/run` installs them, with Chromium and Node.js",
        modules.display()
    );
    modules
}
