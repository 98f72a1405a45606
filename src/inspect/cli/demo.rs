use clap::Args;
#[derive(Args, Debug)]
pub struct Demo {}
impl Demo {
    pub async fn run(self) -> anyhow::Result<u8> {
        Ok(0)
    }
}
